package dialect

import (
	"context"
	"net/url"

	"latchkey.dev/internal/destination"
)

// Shapes are how answers go back to apps by redirect, by the route that the request came over.
func (d *Dialect) Shapes() map[string]destination.Shape {
	shapes := map[string]destination.Shape{}
	for _, route := range d.routes {
		if route.operation.Name == Authorize {
			shapes[route.name] = route.shape
		}
	}
	return shapes
}

// shape maps the answer of an authorization, or its error.
func (r *route) shape(standard map[string]string) (url.Values, error) {
	mapping := r.response
	if standard["error"] != "" && r.refused != nil {
		mapping = r.refused
	}
	members := make(map[string]any, len(standard))
	for name, value := range standard {
		if value != "" {
			members[name] = value
		}
	}
	if standard["error"] != "" && r.refused == nil { // as RFC 6749 §4.1.2.1 has it
		return values(members), nil
	}
	parameters, err := mapping.redirect(members)
	if failed := (*failure)(nil); asFailure(err, &failed) {
		failed.route = r.name
	}
	return parameters, err
}

// redirect makes the parameters of a redirect; those without a value are left out.
func (p *program) redirect(members map[string]any) (url.Values, error) {
	texts, err := p.texts(context.Background(), "", members)
	if err != nil {
		return nil, err
	}
	parameters := url.Values{}
	for name, text := range texts {
		parameters.Set(name, text)
	}
	return parameters, nil
}

func values(members map[string]any) url.Values {
	parameters := url.Values{}
	for name, value := range members {
		if text, ok := value.(string); ok && name != "reason" {
			parameters.Set(name, text)
		}
	}
	return parameters
}

// texts runs a mapping that must make an object of texts; null and empty ones are left out.
func (p *program) texts(ctx context.Context, route string, input any) (map[string]string, error) {
	object, err := p.object(ctx, route, input)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(object))
	for name, value := range object {
		text, ok := value.(string)
		if !ok && value != nil {
			return nil, &failure{route: route, mapping: p.name, what: name + " is not text (write `tostring` behind a number)"}
		}
		if text != "" {
			texts[name] = text
		}
	}
	return texts, nil
}
