"""What people and programs ask of intake without HL7: referrals and assessments."""
