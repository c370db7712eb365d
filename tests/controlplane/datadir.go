package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// dataDir is all that outlives the process: started again on it, the control
// plane has the same objects, certificates and tokens.
type dataDir string

func (d dataDir) etcd() string            { return filepath.Join(string(d), "etcd") }
func (d dataDir) pki() string             { return filepath.Join(string(d), "pki") }
func (d dataDir) url() string             { return filepath.Join(string(d), "url") }
func (d dataDir) adminKubeconfig() string { return filepath.Join(string(d), "admin.kubeconfig") }

// open makes the directory and keeps other processes out of it.
func (d dataDir) open() error { return lockDir(string(d)) }

// lockDir makes a directory and keeps other processes out of it until this one
// ends. The kernel drops the lock, so that SIGKILL leaves nothing stale.
func lockDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// A killed predecessor may take a moment to go.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			// The garbage collector would close the file and drop the lock.
			heldLock = f
			return nil
		}
		if time.Now().After(deadline) {
			f.Close()
			return fmt.Errorf("directory %s is in use: %w", dir, err)
		}
	}
}

var heldLock *os.File

// writeFile replaces a file in one step, readable by its owner only.
func writeFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
