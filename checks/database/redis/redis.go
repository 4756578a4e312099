// Package redis looks at Redis servers, and those that speak like them: whether
// they answer, how near their memory is to its limit, whether what they hold is
// written to disk, and whether their replicas follow. Figures carry
// redis_exporter's names.
package redis

import "xunjian/checks"

// Checks returns one check for each server of list, which connects at its first
// run. Each of list must be valid.
func Checks(list []Instance) []checks.Check {
	var all []checks.Check
	for _, i := range list {
		all = append(all, newCheck(i.filled()))
	}
	return all
}

// Discover returns the check of what is on this machine beside the servers that
// are configured.
func Discover(configured []Instance) checks.Check {
	return newFinder(configured, "/run/redis/*.sock", defaultPort)
}
