package rules

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// Config of the Engine. Start from DefaultConfig.
type Config struct {
	// Dir holds the metrics database. It is made if it does not exist; the
	// agent puts it into its data folder.
	Dir string `yaml:"-"`
	// Retention is how long samples are kept; at least 2 h.
	Retention time.Duration `yaml:"retention"`
	// MaxBytes bounds the blocks on disk; the oldest go first. 0: no bound.
	MaxBytes int64 `yaml:"max_bytes"`
	// Files are the operator's rule files or patterns (*.yml). A file named
	// like a default one (host.yml, self.yml) stands in its place.
	Files []string `yaml:"files"`
	// Interval at which a group is evaluated that no new sample touched; at
	// least 1 s. A group that says its own interval is evaluated by that
	// alone.
	Interval time.Duration `yaml:"interval"`
	// Grace is how long after the start an alert that was firing before may
	// stay without data before it counts as lost.
	Grace time.Duration `yaml:"grace"`
	// ExternalLabels are what templates see as $externalLabels.
	ExternalLabels map[string]string `yaml:"external_labels"`
	// KnownCodes are the codes of the plan that rules may carry; nil: any.
	KnownCodes []string `yaml:"-"`
}

// DefaultConfig returns a Config with everything but Dir.
func DefaultConfig() Config {
	return Config{
		Retention: 15 * 24 * time.Hour,
		MaxBytes:  2 << 30,
		Interval:  15 * time.Second,
		Grace:     2 * time.Minute,
	}
}

// Validate returns every mistake in c, joined.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: name a folder for the metrics database"))
	}
	if c.Retention < 2*time.Hour {
		errs = append(errs, fmt.Errorf("retention: %v is too short, at least 2h", c.Retention))
	}
	if c.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("max_bytes: %d is negative, 0 means no bound", c.MaxBytes))
	}
	if c.Interval < time.Second {
		errs = append(errs, fmt.Errorf("interval: %v is too short, at least 1s", c.Interval))
	}
	if c.Grace < 0 {
		errs = append(errs, fmt.Errorf("grace: %v is negative", c.Grace))
	}
	for name := range c.ExternalLabels {
		if !model.UTF8Validation.IsValidLabelName(name) {
			errs = append(errs, fmt.Errorf("external_labels: %q is not a label name", name))
		}
	}
	return errors.Join(errs...)
}
