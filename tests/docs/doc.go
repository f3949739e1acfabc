// Package docs keeps the documents true: their Go compiles, their links lead somewhere, every library has its reason and every
// package its place.
package docs
