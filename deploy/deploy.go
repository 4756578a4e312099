// Package deploy is what an installation needs beside the program: service
// unit, configuration, and what Prometheus, Alertmanager and Grafana take to
// look at many agents from one place. Its tests load each file with its own
// tool.
package deploy

import _ "embed"

// Example is a configuration file with every key in it, explained in both
// languages.
//
//go:embed xunjian.example.yaml
var Example []byte
