# Run once, when the volume is empty: a database for each service, and a role that owns it and may nothing else.
set -eu
for service in web billing provisioner notifier invites support; do
    psql --set ON_ERROR_STOP=1 --set service="$service" --set word="$(cat "/run/postgres/passwords/$service")" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'word';
CREATE DATABASE :"service" OWNER :"service";
REVOKE CONNECT ON DATABASE :"service" FROM PUBLIC;
SQL
done
