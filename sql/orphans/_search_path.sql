-- As the file has set it before the expression.
SET LOCAL search_path {search_path}
