/**
 * The tables of a journal file, and how older ones become today's. What a stranger could read is ids, sizes, counts, times, and
 * in one word why a hub takes nothing: texts are sealed under the writer key or stand as keyed hashes (`name` columns), so a
 * file without its keys says nothing.
 */

/** "asyn"; tells a journal from another program's SQLite file. */
export const APPLICATION = 0x6173796e

const FIRST = `
  -- Which file this is (machine hashed), and the salt of those names that no writer key is at hand for.
  CREATE TABLE place (
    id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL,
    machine TEXT NOT NULL, inode TEXT NOT NULL, device TEXT NOT NULL, born TEXT NOT NULL
  ) STRICT;

  -- Where entries go: an index and a set of remotes, which may be empty.
  CREATE TABLE destination (id INTEGER PRIMARY KEY, index_log TEXT NOT NULL, name BLOB NOT NULL UNIQUE) STRICT;
  -- A hub's address. 'hub' is the one last seen there; 'owner' may push from 'since' until 'until' (ms since 1970), see lease.ts.
  CREATE TABLE remote (
    id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, hub INTEGER, owner BLOB, since INTEGER, until INTEGER
  ) STRICT;
  CREATE TABLE route (
    remote INTEGER NOT NULL, destination INTEGER NOT NULL, PRIMARY KEY (remote, destination)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX route_destination ON route (destination);

  -- 'name' is the 16 bytes of its id. At most one writer of a destination goes on; 'ended' says why another does not.
  CREATE TABLE writer (
    id INTEGER PRIMARY KEY, destination INTEGER NOT NULL, name BLOB NOT NULL UNIQUE, signer BLOB NOT NULL, ended TEXT
  ) STRICT;
  CREATE UNIQUE INDEX writer_going_on ON writer (destination) WHERE ended IS NULL;

  -- A writer's view of a log. 'key' is sealed, and null for an index; 'digest' is of the last entry.
  CREATE TABLE log (
    id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, name TEXT NOT NULL, keep INTEGER NOT NULL, key BLOB,
    last INTEGER NOT NULL, digest BLOB NOT NULL, UNIQUE (writer, name)
  ) STRICT;
  CREATE TABLE session (
    writer INTEGER NOT NULL, name BLOB NOT NULL, log INTEGER NOT NULL, PRIMARY KEY (writer, name)
  ) STRICT, WITHOUT ROWID;

  -- id is log << 32 | n, so one B-tree keeps every log in order.
  CREATE TABLE entry (id INTEGER PRIMARY KEY, entry_id BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
  CREATE TABLE pending (
    id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, run BLOB NOT NULL, entry_id BLOB NOT NULL, sealed BLOB NOT NULL
  ) STRICT;
  CREATE INDEX pending_run ON pending (writer, run);

  -- A storage that was seen at an address, and what it has of each log.
  CREATE TABLE hub (
    id INTEGER PRIMARY KEY, remote INTEGER NOT NULL, remote_id BLOB NOT NULL, UNIQUE (remote, remote_id)
  ) STRICT;
  CREATE TABLE delivery (
    hub INTEGER NOT NULL, log INTEGER NOT NULL, acked INTEGER NOT NULL, refused BLOB, PRIMARY KEY (hub, log)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX delivery_log ON delivery (log);
  CREATE TABLE cursor (
    hub INTEGER NOT NULL, log TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (hub, log)
  ) STRICT, WITHOUT ROWID;

  -- Exactly the logs that the hub last seen at an address is owed, so that nobody looks through all of them.
  CREATE TABLE owed (remote INTEGER NOT NULL, log INTEGER NOT NULL, PRIMARY KEY (remote, log)) STRICT, WITHOUT ROWID;
`

const MARKS = `
  -- What a log was told already, so that a file read again adds nothing.
  CREATE TABLE IF NOT EXISTS mark (log INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY (log, name)) STRICT, WITHOUT ROWID;
`

const FORGOT = `
  -- Entries from the second to this one were let go of, once every hub had them.
  ALTER TABLE log ADD COLUMN forgot INTEGER NOT NULL DEFAULT 0;
`

const RECEIVED = `
  -- The storage at an address that gave what is kept of others' logs, and how far each log is kept.
  ALTER TABLE remote ADD COLUMN giver BLOB;
  CREATE TABLE heard (
    id INTEGER PRIMARY KEY, remote INTEGER NOT NULL, name TEXT NOT NULL, last INTEGER NOT NULL, UNIQUE (remote, name)
  ) STRICT;
  -- Sealed as it came; id is heard << 32 | sequence.
  CREATE TABLE received (id INTEGER PRIMARY KEY, entry_id BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
`

const LOST = `
  -- The hub was set back: it does not have all that it acknowledged of the log.
  ALTER TABLE delivery ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
`

const HELD = `
  -- Why the hub takes nothing for now, in a word ('quota', 'forbidden'); null as far as is known.
  ALTER TABLE remote ADD COLUMN held TEXT;
`

const RECORDING = `
  -- The log that a run records now, and the process that does (its id, boot and beginning).
  CREATE TABLE recording (
    writer INTEGER NOT NULL, run TEXT NOT NULL, log INTEGER NOT NULL, process TEXT NOT NULL, PRIMARY KEY (writer, run)
  ) STRICT, WITHOUT ROWID;
`

/** What brings a file from each format to the next, with all that is in it. The first begins with nothing. */
export const STEPS: ReadonlyArray<string> = [FIRST, MARKS, FORGOT, RECEIVED, LOST, HELD, RECORDING]
export const FORMAT = STEPS.length
