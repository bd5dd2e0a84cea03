"""Bills with something odd about them, or nothing."""

from __future__ import annotations

from hypothesis import strategies as st

ODD_TIMES = """
2026-01-05T23:59:59.9999999+08:00 2026-01-05T24:00:00+08:00 2026-02-30T00:00:00Z
2026-01-05T12:00:60+08:00 2026-01-05t12:00:00z 2026-01-05T12:00:00+24:00
2026-01-05T12:00:00.1234567Z 2026-01-04T15:30:00Z 2026-01-04T15:29:59.999Z
2026-01-05T16:29:59.999999Z 2026-01-05T16:30:00Z
"""
ODD_TEXTS = ["", "'", '"', "-1", "'-1", " 0", "00", "TRAILER", "REFUND", "\x1f", "\ufeff", "面"]
ODD_CELLS = st.sampled_from([*ODD_TEXTS, *ODD_TIMES.split(), "0", "9" * 12, "x" * 201])


@st.composite
def odd_bills(draw: st.DrawFn, good: bytes) -> bytes:
    """A good bill with some cells, rows, separators and line ends replaced, or cut off."""
    lines = good.decode("utf-8-sig").split("\r\n")[:-1]
    cells = [line.split(",") for line in lines]
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.integers(0, len(cells) - 1))
        cells[row][draw(st.integers(0, len(cells[row]) - 1))] = draw(ODD_CELLS)
    if draw(st.booleans()):
        cells.insert(draw(st.integers(0, len(cells))), draw(st.sampled_from([*cells, [""]])))
    end = draw(st.sampled_from(["\r\n", "\n", "\r\n", "\r"]))
    text = end.join(",".join(row) for row in cells)
    text = draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", end, "\n"]))
    data = text.encode()
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 5)) == 0 else data
