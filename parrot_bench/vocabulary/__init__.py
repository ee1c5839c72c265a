"""What words and codes mean: tables, lexicons, ICD-10."""
