#!/bin/sh
# Run once by the database's image, as it makes an empty database: the owner of the tables, and the database.
# The application's own role is made by `payerwatch migrate`, with the password of DATABASE_URL.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$MIGRATOR_PASSWORD" --username postgres <<'SQL'
CREATE ROLE payerwatch_migrator LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE payerwatch OWNER payerwatch_migrator;
SQL
