# Elasticsearch with Korean analysis, which the image does not contain. Keep the version that of Kibana in
# docker-compose.yml and that of dev/elasticsearch.sh.
FROM docker.elastic.co/elasticsearch/elasticsearch:8.19.21
RUN bin/elasticsearch-plugin install --batch analysis-nori
