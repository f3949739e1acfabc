package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestEveryFigureIsInTheGuideAndThere: docs/guides/production.md, "What to watch", names exactly what /metrics answers.
func TestEveryFigureIsInTheGuideAndThere(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/production.md")
	if err != nil {
		t.Fatal(err)
	}
	in := install(t)
	in.serve(t)
	fetch(t, "http://"+in.listen+"/") // requests are counted by what they asked for, once there are some
	metrics := fetch(t, "http://"+in.admin+"/metrics")
	named := figures(`\x60(latchkey_[a-z_]+)`, guide)
	answered := figures(`(?m)^# TYPE (latchkey_[a-z_]+) `, metrics)
	if !slices.Equal(named, answered) {
		t.Errorf("the guide names %v, /metrics answers %v", named, answered)
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// figures are what a pattern's only group finds in a text.
func figures(pattern string, text []byte) (found []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		found = append(found, string(match[1]))
	}
	slices.Sort(found)
	return slices.Compact(found)
}
