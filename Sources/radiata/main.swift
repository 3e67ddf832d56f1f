print("radiata")
