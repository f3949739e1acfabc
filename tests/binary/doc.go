// Package binary tests the built binary as a whole, where only a real process on a real socket tells the truth: requests that race,
// input that attacks, a stop under load, the headers that every answer carries, and the figures that people are promised.
package binary
