package access

// Watch calls see at each derivation of a key, which is then done as ever.
func (a *Accounts) Watch(see func(memory uint32)) {
	derive := a.derive
	a.derive = func(password, salt []byte, passes, memory uint32, lanes uint8, keyLen uint32) []byte {
		see(memory)
		return derive(password, salt, passes, memory, lanes, keyLen)
	}
}

// Cheapen makes every key wrong at no cost, for floods that would take argon2
// an hour.
func (a *Accounts) Cheapen() {
	a.derive = func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte { return make([]byte, keyLen-1) }
}

// Remembered counts what the throttle knows.
func (a *Accounts) Remembered() (names, networks int) {
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	return len(a.throttle.names), len(a.throttle.networks)
}

// MaxTries and MaxWaiting are the bounds.
const (
	MaxTries   = maxTries
	MaxWaiting = maxWaiting
)

// Reread parses a stored password and writes it again.
func Reread(phc string) (again string, memory uint32, err error) {
	s, err := parse(phc)
	if err != nil {
		return "", 0, err
	}
	return s.String(), s.memory, nil
}
