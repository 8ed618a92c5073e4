"""A line a finding, with its numbers."""


class Report:
    def __init__(self):
        self.failed = 0

    def tell(self, case, holds, sentence, faults=()):
        """What was seen; and, where it does not hold, some of what is wrong."""
        faults = list(faults)
        self.failed += not holds
        print(f"{'ok  ' if holds else 'FAIL'}  {case:9} {sentence}", flush=True)
        if not holds:
            for fault in faults[:10]:
                print(f"                - {fault}", flush=True)
            if len(faults) > 10:
                print(f"                - and {len(faults) - 10} more", flush=True)

    def note(self, case, sentence):
        """What is measured without a bound."""
        print(f"note  {case:9} {sentence}", flush=True)
