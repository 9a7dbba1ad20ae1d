-- What one key has a row say.
  LEFT JOIN {rows} AS {alias} ON {alias}.part = place.part AND {alias}.tid = place.tid
