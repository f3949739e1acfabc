package dev

import (
	_ "embed"
	"fmt"

	"github.com/goccy/go-yaml"

	"latchkey.dev/internal/issuer"
)

//go:embed permissions.yaml
var permissionsFile []byte

// worded gives a platform's scopes their words for people.
func worded(platformName string, scopes issuer.Catalogue) (issuer.Catalogue, error) {
	var all map[string]map[string]map[string][]string
	if err := yaml.UnmarshalWithOptions(permissionsFile, &all, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("permissions.yaml: %w", err)
	}
	for i, scope := range scopes {
		scopes[i].Text = map[string]issuer.Wording{}
		for lang, words := range all[platformName][scope.Name] {
			if len(words) != 3 {
				return nil, fmt.Errorf("permissions.yaml: %s %s says %d things in %s, want title, detail and phrase", platformName, scope.Name, len(words), lang)
			}
			scopes[i].Text[lang] = issuer.Wording{Title: words[0], Detail: words[1], Phrase: words[2]}
		}
		if _, ok := scopes[i].Text["en"]; !ok {
			return nil, fmt.Errorf("permissions.yaml: there are no words for %s %s", platformName, scope.Name)
		}
	}
	return scopes, nil
}
