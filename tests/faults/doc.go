// Package faults puts the product in trouble while the actors of tests/crash work, and holds it to what they hold it to: nothing that
// was acknowledged is lost, nothing is good twice. Meanwhile only 503 is an allowed failure, and five seconds after the trouble is over
// every node serves as before.
//
//   - of three nodes on one PostgreSQL, a random one is killed every two seconds;
//   - PostgreSQL is restarted: fast, immediately, and by SIGKILL;
//   - PostgreSQL is stopped for a while and says nothing (SIGSTOP);
//   - the primary is killed and its synchronous standby promoted;
//   - the way to PostgreSQL takes 50, 200 and 1000 ms longer;
//   - the disk of the embedded database is full (needs root, for a small tmpfs).
//
// Each is short by default; -long takes the times of the bars. -seed repeats a run's decisions.
package faults
