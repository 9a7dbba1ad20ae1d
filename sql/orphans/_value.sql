-- Its names lead where an UPDATE's would.
DECLARE value {column}%TYPE; BEGIN value := {value}; END
