"""What runs in the account on a finding: a Lambda function, and the stack that it is part of."""
