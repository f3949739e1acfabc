// Package park keeps idle keep-alive connections outside net/http, which holds a goroutine and two buffers for each of them: 18 KB.
// A parked connection is a socket in a map, and the system says when it has something to read.
//
// What a client sees is what it sees of net/http: the same address, the same idle timeout, and no request lost. That rests on one rule
// and on one fact. The rule: whoever closes a connection last is its owner, and net/http closes what it gives up, so a socket is the
// lot's only after net/http has let go of it. The fact: a byte that nobody has read stays in the system's buffer, so only a connection
// of which net/http holds no byte is ever parked.
package park
