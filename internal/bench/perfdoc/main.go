// Command perfdoc writes docs/performance.md and its pictures from results of `latchkey bench --json` in docs/performance.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/template"

	"latchkey.dev/internal/bench"
)

//go:generate go run . ../../../docs

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: perfdoc FOLDER, the one of performance.md")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "perfdoc:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	files, err := document(folder)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil { //nolint:gosec // G306: everybody may read a document
			return err
		}
	}
	return nil
}

// results are what the document is made from.
type results struct{ SQLite, Postgres engine }

// engine is what was measured on one database.
type engine struct {
	Name string
	// Report has every operation, on a database that was empty.
	*bench.Report
	// Curve has the usual operations, from an empty database to the fullest, measured one after the other.
	Curve []*bench.Report
}

//go:embed performance.md.tmpl
var text string

// document returns the contents of all that is written, by path within the folder that holds performance.md.
func document(folder string) (map[string][]byte, error) {
	var r results
	var err error
	if r.SQLite, err = read(folder, "SQLite", "sqlite"); err != nil {
		return nil, err
	}
	if r.Postgres, err = read(folder, "PostgreSQL", "postgres"); err != nil {
		return nil, err
	}
	page, err := template.New("performance.md").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var out, sqlite, postgres bytes.Buffer
	if err := page.Execute(&out, r); err != nil {
		return nil, err
	}
	if err := r.SQLite.SVG(&sqlite); err != nil {
		return nil, err
	}
	if err := r.Postgres.SVG(&postgres); err != nil {
		return nil, err
	}
	return map[string][]byte{
		"performance.md": out.Bytes(), "images/performance-sqlite.svg": sqlite.Bytes(), "images/performance-postgres.svg": postgres.Bytes(),
	}, nil
}

// idleConnections is how many the bar is about.
const idleConnections = 10000

// read finds an engine's results: sqlite.json has the tables, sqlite-STORED.json the curve.
func read(folder, name, file string) (engine, error) {
	e := engine{Name: name}
	paths, err := filepath.Glob(filepath.Join(folder, "performance", file+"-*.json"))
	if err != nil {
		return e, err
	}
	if len(paths) < 2 {
		return e, fmt.Errorf("%s/performance has %d results %s-*.json: one of an empty and one of a filled database are needed", folder, len(paths), file)
	}
	for _, path := range append(paths, filepath.Join(folder, "performance", file+".json")) {
		report, err := bench.ReadReport(path)
		if err != nil {
			return e, err
		}
		if report.Database != file {
			return e, fmt.Errorf("%s was measured on %s", path, report.Database)
		}
		for _, l := range report.Lines {
			if l.Errors > 0 { // a wrong answer is soon given
				return e, fmt.Errorf("%s: %s at %d connections has %d errors: measure again", path, l.Name, l.Connections, l.Errors)
			}
		}
		e.Curve = append(e.Curve, report)
	}
	last := len(e.Curve) - 1
	e.Report, e.Curve = e.Curve[last], e.Curve[:last]
	if e.IdleConnections != idleConnections {
		return e, fmt.Errorf("%s/performance/%s.json: measure with --idle-connections %d", folder, file, idleConnections)
	}
	slices.SortFunc(e.Curve, func(a, b *bench.Report) int { return a.Stored - b.Stored })
	if e.left(usual[0]) == 0 {
		return e, fmt.Errorf("%s/performance/%s-%d.json: measure with --beside and an empty database", folder, file, e.full().Stored)
	}
	return e, nil
}
