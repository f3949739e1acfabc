package dev

import "testing"

func TestTheFrontPageShowsNoPassword(t *testing.T) {
	for database, want := range map[string]string{
		"": "/tmp/data",
		"postgres://noura:hunter2@db.internal/latchkey":        "postgres://noura@db.internal/latchkey",
		"postgres://db.internal/latchkey?password=hunter2":     "postgres://db.internal/latchkey",
		"postgres://noura@localhost/latchkey?host=/tmp&port=1": "postgres://noura@localhost/latchkey",
	} {
		d := &dev{Config: Config{Data: "/tmp/data", Database: database}}
		if got := d.shownDatabase(); got != want {
			t.Errorf("%s is shown as %s, want %s", database, got, want)
		}
	}
}
