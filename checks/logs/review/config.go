package review

// Config says what is looked for in logs. Start from Default.
type Config struct {
	// Patterns are files with patterns of the operator's own. One that is named
	// as one of ours takes its place.
	Patterns []string `yaml:"patterns"`
}

// Default returns the Config with our own patterns.
func Default() Config { return Config{} }

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error { return nil }

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	var out []*string
	for n := range c.Patterns {
		out = append(out, &c.Patterns[n])
	}
	return out
}
