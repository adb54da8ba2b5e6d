// SPDX-License-Identifier: Apache-2.0

// Command volume-helper makes and removes the folders behind local volumes. It
// is what the provisioner's helper pods run, so that no image with a shell is
// needed: volume-helper -p PATH -s BYTES -m MODE -a create|delete.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Volumes are writable by every user: pods run with arbitrary non-root users
// and the provisioner knows none of them.
const volumeMode = 0o777

func run(action, path string) error {
	clean := filepath.Clean(path)
	if !filepath.IsAbs(clean) || strings.Count(clean, "/") < 2 {
		return fmt.Errorf("expected an absolute path at least two folders deep, found %q", path)
	}
	switch action {
	case "create":
		if err := os.MkdirAll(clean, volumeMode); err != nil {
			return err
		}
		// MkdirAll obeys the umask; the mode wanted is the mode set.
		return os.Chmod(clean, volumeMode)
	case "delete":
		return os.RemoveAll(clean)
	default:
		return errors.New("expected -a create or -a delete, found " + action)
	}
}

func main() {
	path := flag.String("p", "", "folder of the volume")
	flag.Int64("s", 0, "requested size in bytes (folders have no size limit)")
	flag.String("m", "", "volume mode (only Filesystem is ever asked for)")
	action := flag.String("a", "", "create or delete")
	flag.Parse()
	if err := run(*action, *path); err != nil {
		fmt.Fprintln(os.Stderr, "volume-helper:", err)
		os.Exit(1)
	}
}
