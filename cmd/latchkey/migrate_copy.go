package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
)

func (p *program) migrateCopy() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "copy", Short: "Move the embedded database's data to PostgreSQL", Args: needs,
		Long: "Move the embedded database's data to PostgreSQL. Stop the servers first, move the old file away, and start them on the new database with the\n" +
			"same master key: every token issued before goes on working. All of it is copied and read back, or nothing is; a target that holds anything is refused.\n" +
			"A password is better in PGPASSWORD or ~/.pgpass than on the command line.",
		Example: "  latchkey migrate copy --from sqlite:/var/lib/latchkey/latchkey.db --to postgres://latchkey@db.internal/latchkey",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.runCopy(cmd.Context(), from, to) },
	}
	cmd.Flags().StringVar(&from, "from", "", "the embedded `database`, as sqlite:PATH")
	cmd.Flags().StringVar(&to, "to", "", "the empty `database`, as postgres://USER@HOST/NAME")
	return cmd
}

func (p *program) runCopy(ctx context.Context, from, to string) error {
	if !strings.HasPrefix(from, "sqlite:") || !strings.HasPrefix(to, "postgres") {
		return usage("say what to copy with --from sqlite:PATH and where with --to postgres://USER@HOST/NAME")
	}
	bar := newProgress(p.err)
	copied, err := store.Copy(ctx, from, to, bar.copied)
	bar.end()
	if err != nil {
		return copyTrouble(err)
	}
	return p.show(map[string]any{"tables": copied}, func() {
		rows := make([][]string, len(copied))
		var total int64
		for i, table := range copied {
			rows[i] = []string{table.Table, strconv.FormatInt(table.Rows, 10), table.Checksum[:16]}
			total += table.Rows
		}
		p.table("TABLE | ROWS | CHECKSUM", rows, "there are no tables")
		p.say("copied %d rows and read them back. The old file does not know that it was left, so before you start the servers, with the same master key:", total)
		p.say("  move %s away, and with it what lies beside it and ends in -wal and -shm", strings.TrimPrefix(from, "sqlite:"))
		p.say("  write the new `database` into the configuration of every server, and of whoever runs commands")
	})
}

func copyTrouble(err error) error {
	var filled *store.NotEmptyError
	var schema *store.SchemaError
	switch {
	case errors.As(err, &filled):
		return refuse(exitConflict, "%v; nothing was copied", filled)
	case errors.As(err, &schema) && schema.Have > schema.Need:
		return refuse(exitDatabase, "the source's schema is version %d and this latchkey knows %d: copy it with the latchkey that runs on it, or a newer one", schema.Have, schema.Need)
	case errors.As(err, &schema):
		return refuse(exitDatabase, "the source's schema is version %d and this latchkey needs %d: run `latchkey migrate up` on it first", schema.Have, schema.Need)
	}
	return refuse(exitDatabase, "nothing was copied: %v", err)
}
