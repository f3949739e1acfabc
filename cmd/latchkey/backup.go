package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
)

func (p *program) backup() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "backup", Short: "Copy the embedded database while servers use it", Args: needs,
		Long: "Copy the embedded database while servers use it, into a new file that only its owner can read. The copy is one moment of the database,\n" +
			"checked and on disk before it has its name. Keep the master key elsewhere. For PostgreSQL use its own tools.",
		Example: "  latchkey backup --to /backup/latchkey-$(date +%F).db",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.runBackup(cmd.Context(), to) },
	}
	cmd.Flags().StringVar(&to, "to", "", "the new `file`")
	return p.withConfig(cmd)
}

func (p *program) runBackup(ctx context.Context, to string) error {
	if to == "" {
		return usage("say with --to which file to write")
	}
	loaded, err := p.load()
	if err != nil {
		return err
	}
	file, err := filepath.Abs(to)
	if err != nil {
		return refuse(exitUsage, "--to %s: %v", to, err)
	}
	size, err := store.Backup(ctx, loaded.Database, file)
	var beside *store.OtherLogError
	switch {
	case errors.Is(err, store.ErrNotEmbedded):
		return refuse(exitUsage, "%v", err)
	case errors.Is(err, store.ErrConflict):
		return refuse(exitConflict, "%s is there already; nothing was written", file)
	case errors.As(err, &beside), store.Damaged(err):
		return err
	case err != nil:
		return refuse(exitFailure, "nothing was written: %v", err)
	}
	return p.show(map[string]any{"file": file, "bytes": size}, func() { p.say("backed up %d bytes to %s", size, file) })
}
