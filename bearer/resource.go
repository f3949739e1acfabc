package bearer

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// resourceMetadata is RFC 9728 §2.
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	ScopesSupported      []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	ResourceName         string   `json:"resource_name,omitempty"`
}

// MetadataPath is where this API's own metadata belongs (RFC 9728 §3.1): /.well-known/oauth-protected-resource, followed
// by the path of the resource identifier if it has one.
func (g *Guard) MetadataPath() string {
	u, err := url.Parse(g.metadataURL())
	if err != nil || g.cfg.Resource == "" {
		return "/.well-known/oauth-protected-resource"
	}
	return u.Path
}

// Metadata serves this API's own metadata, which challenges point to, so that a client that knows only the API finds
// its authorization server. Mount it at [Guard.MetadataPath], outside the guard. Without a Resource it answers 404.
func (g *Guard) Metadata() http.Handler {
	if g.cfg.Resource == "" {
		return http.NotFoundHandler()
	}
	body, err := json.Marshal(resourceMetadata{
		Resource:             g.cfg.Resource,
		AuthorizationServers: []string{g.cfg.Issuer},
		ScopesSupported:      g.cfg.Scopes,
		BearerMethods:        []string{"header"},
		ResourceName:         g.cfg.Name,
	})
	if err != nil { // Strings always marshal.
		return http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Access-Control-Allow-Origin", "*") // Public, and clients in browsers read it.
		_, _ = w.Write(body)                               // The caller has gone; nobody is left to tell.
	})
}

func (g *Guard) metadataURL() string {
	if g.cfg.Resource == "" {
		return ""
	}
	return wellKnown(g.cfg.Resource, "oauth-protected-resource")
}
