-- Whoever has kept its URL finds nothing there. It is refused while somebody is connected.
ALTER DATABASE {database} RENAME TO {renamed};
