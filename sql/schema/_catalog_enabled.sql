-- When a trigger or a rule fires, for eyes and as ALTER says it.
  CROSS JOIN LATERAL (
      SELECT CASE k.letter WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on replicas' WHEN 'A' THEN 'enabled always' ELSE 'enabled' END AS enabled,
             CASE k.letter WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END AS enables) AS e
