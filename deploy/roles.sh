#!/bin/sh
# Run once by the database's image, as it makes an empty database: the owner of the tables, which may make databases to
# try backups in, the role that reads all rows for backups and nothing else, and the database.
# The application's own role is made by `payerwatch migrate`, with the password of DATABASE_URL.
set -eu
psql --set=ON_ERROR_STOP=1 --set=migrator="$MIGRATOR_PASSWORD" --set=backup="$BACKUP_PASSWORD" --username postgres <<'SQL'
CREATE ROLE payerwatch_migrator LOGIN CREATEROLE CREATEDB PASSWORD :'migrator';
CREATE ROLE payerwatch_backup LOGIN BYPASSRLS IN ROLE pg_read_all_data PASSWORD :'backup';
CREATE DATABASE payerwatch OWNER payerwatch_migrator;
SQL
