"""The functions as API Gateway calls them: an event in, a proxy answer out, moto behind."""
