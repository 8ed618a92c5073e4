"""What the laboratory goes through, and what must hold afterwards: run by tests/faults_test.sh."""
