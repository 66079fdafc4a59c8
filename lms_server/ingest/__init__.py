"""What rooms send: enrolment, and uploads by tus 1.0."""
