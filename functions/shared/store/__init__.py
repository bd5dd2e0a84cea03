"""The only importer of pynamodb and boto3: tables, transactions, repositories, objects."""
