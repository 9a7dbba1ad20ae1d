-- Whether a row that was deleted ahead has a parent under the locks after all: then it had not to go.
SELECT EXISTS (SELECT FROM {taken} AS o JOIN {parent} AS p ON {has_parent});
