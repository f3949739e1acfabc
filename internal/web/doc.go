// Package web renders every page and every mail that a person reads.
//
// A handler builds one typed view, such as SignIn or Consent, and hands it to Renderer.Render. What surrounds a page
// (issuer's brand, language, signed-in user, reference number) comes from the Chrome that middleware puts into the
// request's context with WithChrome. Pages are plain HTML: every form works without JavaScript.
//
// Stable handles for people's automation: #email, #password, #sign-in, #sign-up, #account-<id>, #allow, #deny,
// #disconnect-<client_id>; an error page has <main id="error" data-error="…">.
//
// Forms never carry a CSRF token: net/http's CrossOriginProtection guards them. The hidden field r carries the sealed
// authorization request of a flow.
package web
