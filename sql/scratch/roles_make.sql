-- A role that the real database's server has and this one of ours lacks; the comment is for whoever drops it.
CREATE ROLE {role} NOLOGIN;
COMMENT ON ROLE {role} IS 'made by sqlrail for a scratch database';
