//! What `sandkasse COMMAND --help` ends with.

pub(crate) const EXPLAIN: &str = "\
Examples:
  sandkasse explain 35                        by code
  sandkasse explain \"Invalid MSN\"             by words of the message
  sandkasse explain FAQ-52                    by number in the FAQ
  sandkasse explain ecom/order-not-found      one page
  sandkasse explain http://127.0.0.1:7480/explain/12-0123…
                                              why that very call was refused";

pub(crate) const EXPORT: &str = "\
Examples:
  sandkasse export --to all.jsonl             everything in .sandkasse/sandkasse.db, while nothing runs on it
  sandkasse export --portal http://127.0.0.1:7482 --to all.jsonl
                                              everything of a running platform
  sandkasse export --unit test/220001 --portal http://127.0.0.1:7482 > unit.jsonl
                                              one sales unit with its keys and its clock, of a running platform
  sandkasse export | sandkasse import --database sqlite:new/sandkasse.db
                                              into another database

Keys stay sealed under the master key, the file `master.key` beside the database: move it too, apart
from the export. Whoever has both has the keys. SANDKASSE_TOKEN is the administrator's token, where one is set.";

pub(crate) const IMPORT: &str = "\
Examples:
  cp old/master.key new/ && sandkasse import --database sqlite:new/sandkasse.db --from all.jsonl
  SANDKASSE_MASTER_KEY=… sandkasse import --database postgres://… --from all.jsonl
  sandkasse import --replace-unit --from unit.jsonl --portal http://127.0.0.1:7482
                                              a sales unit as it was, in a running platform

An interrupted import is repeated with the same command. Do not run the old platform any more: both
would send the callbacks that are still owed.";

pub(crate) const DOCTOR: &str = "\
Examples:
  sandkasse doctor                            of .sandkasse/sandkasse.db, while nothing runs on it
  sandkasse doctor --json | jq '.findings[]'  for programs
  sandkasse doctor --portal http://127.0.0.1:7482
                                              of a running platform

It reads everything and changes nothing: folds the events of every record again, recomputes the sums,
verifies seals, the audit log's chain, saved answers and owed calls. Exit code 1: something was found.";

pub(crate) const ENV: &str = "\
Examples:
  sandkasse env                               of the unit `demo` in the test environment
  sandkasse env --unit strict --format json   of another one, as JSON
  eval \"$(sandkasse env | sed 's/^/export /')\" into this shell
  SANDKASSE_TOKEN=… sandkasse env --portal http://127.0.0.1:9000
                                              where an administrator's token is set

PHONE is the number of a person who can pay, with country code.";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  sandkasse completions bash > ~/.local/share/bash-completion/completions/sandkasse
  sandkasse completions zsh > ~/.zfunc/_sandkasse
  sandkasse completions fish > ~/.config/fish/completions/sandkasse.fish";
