-- What was answered last.
SELECT current_setting({answer})
