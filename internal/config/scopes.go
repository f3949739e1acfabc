package config

import (
	"maps"
	"slices"

	"golang.org/x/text/language"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
)

func (v *validator) scopes(key string, sections []scopeSection, roles []issuer.Role) issuer.Catalogue {
	catalogue, seen := make(issuer.Catalogue, len(sections)), map[string]string{}
	for i := range sections {
		at := item(key, i)
		catalogue[i] = v.scope(at, &sections[i], roles)
		v.unique(seen, child(at, "name"), sections[i].Name)
	}
	return catalogue
}

func (v *validator) scope(key string, s *scopeSection, roles []issuer.Role) issuer.Scope {
	parsed, err := oauth.ParseScope(s.Name)
	v.require(err == nil && len(parsed) == 1 && parsed[0] == s.Name, child(key, "name"),
		`%q is not a scope: write visible ASCII characters without space, " and \ (RFC 6749 §3.3)`, s.Name)
	v.require(len(s.Title) > 0, child(key, "title"), `is missing: people see it on the consent page; write {en: "See your orders"}`)
	v.wordings(child(key, "title"), s.Title, 120)
	v.wordings(child(key, "detail"), s.Detail, 300)
	v.wordings(child(key, "phrase"), s.Phrase, 80)
	v.wordings(child(key, "group"), s.Group, 60)
	return issuer.Scope{
		Name: s.Name, Text: wording(s), Group: s.Group, Roles: v.scopeRoles(child(key, "roles"), s.Roles, roles),
		Optional: s.Optional, Sensitive: s.Sensitive, Machine: s.Machine,
	}
}

// wordings checks texts by language, in the order of the tags so that messages are the same every time.
func (v *validator) wordings(key string, texts map[string]string, longest int) {
	for _, tag := range slices.Sorted(maps.Keys(texts)) {
		_, err := language.Parse(tag)
		v.require(err == nil, child(key, tag), `is not a language: write a BCP 47 tag such as en, ar, vi or fr`)
		v.text(child(key, tag), texts[tag], longest)
	}
	v.require(len(texts) == 0 || texts["en"] != "", key, `needs an "en", which stands in for every other language`)
}

func wording(s *scopeSection) map[string]issuer.Wording {
	texts := make(map[string]issuer.Wording, len(s.Title))
	for tag, title := range s.Title {
		texts[tag] = issuer.Wording{Title: title, Detail: s.Detail[tag], Phrase: s.Phrase[tag]}
	}
	return texts
}

// memberRoles are the platform's own names, below the owner and admin that every account has.
func (v *validator) memberRoles(key string, written []string) []issuer.Role {
	roles, seen := make([]issuer.Role, len(written)), map[string]string{}
	for i, text := range written {
		roles[i] = issuer.Role(text)
		v.require(roleName.MatchString(text), item(key, i), "%q is not a role: write up to 32 small letters, digits, _ and -, a letter first", text)
		v.require(!roles[i].Manages(), item(key, i), "%q is always there: name the roles below it", text)
		v.unique(seen, item(key, i), text)
	}
	return roles
}

// scopeRoles are those of the issuer's roles that may grant a scope.
func (v *validator) scopeRoles(key string, written []string, known []issuer.Role) []issuer.Role {
	roles := make([]issuer.Role, len(written))
	for i, text := range written {
		roles[i] = issuer.Role(text)
		v.require(slices.Contains(known, roles[i]), item(key, i), "%q is not a role here: write one of %v, or add it to `member_roles`", text, known)
	}
	return roles
}
