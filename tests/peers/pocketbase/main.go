// PocketBase as its module gives it, with a choice of how SQLite syncs: the peer of the reports in `cargo xtask bench peers`.
//
// Stock: everything, when PEER_SYNCHRONOUS is not set; SQLite then runs with synchronous = NORMAL, which does not sync a
// commit. Added: PEER_SYNCHRONOUS=FULL opens the same databases with the same settings but this one, so that a record is on
// the disk before its answer. No plugin of the examples is linked (JavaScript hooks, migrations from files).
package main

import (
	"log"
	"os"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
)

// As core.DefaultDBConnect of this version, up to the mode.
const settings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)" +
	"&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)&_pragma=synchronous("

func connect(mode string) core.DBConnectFunc {
	return func(path string) (*dbx.DB, error) {
		return dbx.Open("sqlite", path+settings+mode+")")
	}
}

func main() {
	config := pocketbase.Config{}
	switch mode := os.Getenv("PEER_SYNCHRONOUS"); mode {
	case "":
	case "FULL":
		config.DBConnect = connect(mode)
	default:
		log.Fatalf("PEER_SYNCHRONOUS is FULL or not set, not %q", mode)
	}
	if err := pocketbase.NewWithConfig(config).Start(); err != nil {
		log.Fatal(err)
	}
}
