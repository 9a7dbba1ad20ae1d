-- Whether this server has loaded the library that counts queries.
SELECT {library} = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ',')) AS is_counting;
