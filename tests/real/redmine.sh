#!/usr/bin/env bash
# A real Redmine for the tests: from Debian's own packages, with SQLite, seeded, on 127.0.0.1.
# Prints name=value lines on stdout: url, admin_key, member_key, database (a file of SQLite), project. All else goes to stderr.
# The database is a new file in REDMINE_FOLDER: a Redmine that this machine has for other purposes is not touched.
# A second call with the same folder re-uses what is there, and the server if it still answers.
#
#   REDMINE_PORT     the port to listen on (required)
#   REDMINE_FOLDER   keys, logs and the pid of the server (default: bridge-redmine in the temporary folder)
#   REDMINE_PROJECT  the project's identifier (default: bridge-test)
#   redmine.sh stop  ends the server that it started
#
# Takes about 45 s on a machine that has none of it, 20 s where it is installed, and ends with 75 where it cannot run.
set -euo pipefail

folder=${REDMINE_FOLDER:-${TMPDIR:-/tmp}/bridge-redmine}
project=${REDMINE_PROJECT:-bridge-test}
code=/usr/share/redmine
pidfile=$folder/server.pid

say() { echo "redmine: $*" >&2; }
cannot() { say "skipped: $*"; exit 75; }

if [ "${1:-start}" = stop ]; then
  if [ -s "$pidfile" ]; then kill -- "-$(cat "$pidfile")" 2>/dev/null || true; rm -f "$pidfile"; fi
  exit 0
fi

port=${REDMINE_PORT:?names the port to listen on}
url=http://127.0.0.1:$port
[ "$(id -u)" = 0 ] || cannot "it is installed by root only"
command -v apt-get >/dev/null || cannot "there is no apt-get on this machine"
grep -qx 'ID=debian' /etc/os-release || cannot "this machine is no Debian"
mkdir -p "$folder" && chmod 755 "$folder"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
export RAILS_ENV=production REDMINE_INSTANCE=default BRIDGE_PROJECT=$project

installed() { dpkg-query -W -f='${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed || true; }

if [ "$(installed redmine redmine-sqlite puma)" != 3 ]; then
  say "installing"
  apt-get -qq update >"$folder/apt.log" 2>&1 || true
  offered=$(apt-cache --quiet=0 policy redmine-sqlite 2>/dev/null | sed -n 's/^ *Candidate: //p')
  case $offered in
    5.*) ;;
    '' | '(none)') cannot "this Debian offers no package redmine-sqlite" ;;
    *) cannot "this Debian has Redmine $offered, and the tests are of Redmine 5" ;;
  esac
  printf '%s\n' \
    'redmine redmine/instances/default/dbconfig-install boolean true' \
    'redmine redmine/instances/default/database-type select sqlite3' \
    'redmine redmine/instances/default/default-language select en' | debconf-set-selections
  apt-get -qq install --no-install-recommends --yes redmine redmine-sqlite puma >>"$folder/apt.log" 2>&1 \
    || cannot "apt-get could not install it: $(grep -m 1 '^E: ' "$folder/apt.log" || echo "it does not say why")"
fi

export DATABASE_URL=sqlite3:$folder/redmine.db SCHEMA=$folder/schema.rb
# People's rights as root are not Redmine's: everything of it runs as www-data.
as_server() { (cd "$code" && setpriv --reuid=www-data --regid=www-data --init-groups env HOME="$folder" "$@"); }

cat >"$folder/seed.rb" <<'RUBY'
Redmine::DefaultData::Loader.load("en") if Redmine::DefaultData::Loader.no_data?
{ rest_api_enabled: 1, default_language: "en", login_required: 0 }.each { |name, value| Setting[name] = value.to_s }
Setting.notified_events = []

boss = User.find_by!(login: "admin")
boss.update_columns(must_change_passwd: false, status: User::STATUS_ACTIVE)
member = User.find_by(login: "member") || User.new(firstname: "Mem", lastname: "Ber", mail: "member@example.com")
if member.new_record?
  member.login = "member"
  member.language = "en"
  member.password = member.password_confirmation = SecureRandom.hex(12)
  member.save!
end

place = Project.find_by(identifier: ENV["BRIDGE_PROJECT"]) ||
        Project.new(name: "Bridge test", identifier: ENV["BRIDGE_PROJECT"])
place.is_public = false
place.enabled_module_names = ["issue_tracking", "time_tracking"]
place.trackers = Tracker.all
place.save!
{ boss => "Manager", member => "Developer" }.each do |person, role|
  next if person.member_of?(place)
  Member.create!(project: place, user: person, roles: [Role.find_by!(name: role)])
end
["backend", "frontend"].each { |name| place.issue_categories.find_or_create_by!(name: name) }
["1.0", "2.0"].each { |name| place.versions.find_or_create_by!(name: name) }

def custom(kind, name, format, **rest)
  field = kind.find_by(name: name) || kind.new(name: name, field_format: format)
  field.assign_attributes(is_filter: true, visible: true, **rest)
  if kind == IssueCustomField
    field.is_for_all = true
    field.trackers = Tracker.all
  end
  field.save!
end
labels = %w[bug ui docs p1 p2 api billing mobile search feature chore documentation enhancement urgent backend frontend]
custom(IssueCustomField, "External ID", "string")
custom(IssueCustomField, "Labels", "list", multiple: true, possible_values: labels)
custom(TimeEntryCustomField, "External ID", "string")
custom(IssueCustomField, "Customer", "string")
custom(IssueCustomField, "Size", "int")

base = ActiveRecord::Base.connection_db_config.database
File.write(ARGV[0], "admin_key=#{boss.api_key}\nmember_key=#{member.api_key}\ndatabase=#{base}\n")
RUBY
chown www-data "$folder"
chmod 644 "$folder/seed.rb"
if [ ! -s "$folder/redmine.db" ]; then
  say "making a database"
  as_server bin/rake db:migrate >"$folder/migrate.log" 2>&1 \
    || { say "the database could not be made, see $folder/migrate.log"; tail -5 "$folder/migrate.log" >&2; exit 1; }
fi
say "seeding"
rm -f "$folder/keys"
as_server bin/rails runner "$folder/seed.rb" "$folder/keys" >"$folder/seed.log" 2>&1 \
  || { say "seeding failed, see $folder/seed.log"; tail -5 "$folder/seed.log" >&2; exit 1; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if ! answers; then
  say "starting on $url"
  (
    cd "$code"
    exec setsid setpriv --reuid=www-data --regid=www-data --init-groups env HOME="$folder" \
      puma --bind "tcp://127.0.0.1:$port" --environment production --threads 1:4 config.ru
  ) >"$folder/server.log" 2>&1 </dev/null &
  echo $! >"$pidfile"
  for _ in $(seq 300); do
    answers && break
    kill -0 "$(cat "$pidfile")" 2>/dev/null || { say "the server ended, see $folder/server.log"; exit 1; }
    sleep 0.2
  done
  answers || { say "no answer within a minute, see $folder/server.log"; exit 1; }
fi
echo "url=$url"
cat "$folder/keys"
echo "project=$project"
