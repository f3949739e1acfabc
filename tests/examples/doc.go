// Package examples runs what newcomers run: `latchkey dev` with its sample app, and every quickstart in examples/ against it.
package examples
