"""The glue from the shop's database to the published model, and what keeps it turning by itself.

etl             database -> data-training.csv
train, publish  data-training.csv -> evaluation -> gate -> system-recomendation.pkl
gate            whether a trained model may be published
versions        which models there are, and how to go back
watch_csv       trains whenever the content of the CSV changes
watch_database  runs the ETL whenever the shop's tables change
children        the processes in which both of them work, and the lifeline to their parent
"""
