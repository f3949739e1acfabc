package web

import (
	"cmp"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
)

// english is the language that every catalogue has.
const english = "en"

// Permissions puts scopes into the reader's words: in the catalogue's order, sensitive ones first, what the catalogue no longer has last.
func Permissions(catalogue issuer.Catalogue, scopes oauth.ScopeSet, lang string) (all []Permission) {
	known := catalogue.Names()
	for _, name := range known.Intersect(scopes) {
		scope, _ := catalogue.Find(name)
		all = append(all, permission(scope, lang))
	}
	for _, name := range scopes {
		if !known.Has(name) {
			all = append(all, Permission{Scope: name})
		}
	}
	slices.SortStableFunc(all, func(a, b Permission) int { return rank(a) - rank(b) })
	return all
}

// permission says one scope. OpenID Connect's own have no text: the pages know their words in every language.
func permission(scope issuer.Scope, lang string) Permission {
	p := Permission{
		Scope: scope.Name, Sensitive: scope.Sensitive, Optional: scope.Optional, Group: cmp.Or(scope.Group[lang], scope.Group[english]),
	}
	text, ok := scope.Text[lang]
	if !ok && scope.Text != nil {
		text, p.Lang = scope.Text[english], english
	}
	p.Title, p.Consequence, p.Phrase = text.Title, text.Detail, text.Phrase
	return p
}
