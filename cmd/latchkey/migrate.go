package main

import (
	"context"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
)

func (p *program) migrate() *cobra.Command {
	up := &cobra.Command{
		Use: "up", Short: "Bring the database to the schema that this program needs", Args: needs,
		Long:    "Bring the database to the schema that this program needs. Old and new servers can run on it meanwhile: a step only adds.",
		Example: "  latchkey migrate up --config latchkey.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.migrateUp(cmd.Context()) },
	}
	status := &cobra.Command{
		Use: "status", Short: "List the schema's steps and which the database has taken", Args: needs,
		Example: "  latchkey migrate status --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.migrateStatus(cmd.Context()) },
	}
	cmd := group("migrate", "Make or update the database's schema", up, status, p.migrateCopy())
	cmd.Long = "Make or update the database's schema. Without a further word it does what `latchkey migrate up` does."
	cmd.Example = up.Example
	parent := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return parent(cmd, args)
		}
		return p.migrateUp(cmd.Context())
	}
	return p.withConfig(cmd)
}

func (p *program) migrateUp(ctx context.Context) error {
	loaded, err := p.load()
	if err != nil {
		return err
	}
	steps, err := store.Migrate(ctx, loaded.Database)
	if err != nil {
		return databaseTrouble(err)
	}
	return p.show(newMigrations(steps), func() {
		for _, step := range steps {
			p.say("applied %s", step.Name)
		}
		if len(steps) == 0 {
			p.say("the schema is up to date")
		}
	})
}

// migrations is the answer for programs.
type migrations struct {
	Migrations []store.Migration `json:"migrations"`
}

type migrationStatus struct {
	migrations

	Newer bool `json:"newer"` // than this program knows
}

// newMigrations makes no steps an empty list instead of null.
func newMigrations(steps []store.Migration) migrations {
	return migrations{append([]store.Migration{}, steps...)}
}

func (p *program) migrateStatus(ctx context.Context) error {
	loaded, err := p.load()
	if err != nil {
		return err
	}
	steps, have, err := store.MigrationStatus(ctx, loaded.Database)
	if err != nil {
		return databaseTrouble(err)
	}
	known := steps[len(steps)-1].Version
	return p.show(migrationStatus{newMigrations(steps), have > known}, func() {
		rows := make([][]string, len(steps))
		for i, step := range steps {
			rows[i] = []string{step.Name, yes(step.Applied)}
		}
		p.table("STEP | APPLIED", rows, "there are no steps")
		if have > known {
			p.say("the database is newer than this latchkey knows: a newer one brought it to version %d", have)
		}
	})
}
