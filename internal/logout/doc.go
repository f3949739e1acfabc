// Package logout ends a browser's sign-in: when an app asks for it (OpenID Connect RP-Initiated Logout 1.0) and when the person
// does. What apps were allowed to do stays: that ends by disconnecting them.
package logout
