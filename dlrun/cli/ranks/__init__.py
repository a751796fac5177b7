"""The processes of one run on this machine (`device.processes`): what starts them, what they tell, how they end."""
