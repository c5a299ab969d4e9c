-- Nobody asks for the changes of a record, and keeping them findable cost a random write each. The Postgres file beside this
-- one drops the same index.
DROP INDEX changes_by_record;
